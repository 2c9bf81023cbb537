#pragma once

#include <napi.h>

namespace addon {

/// `SockDiag`: plain dumps.
Napi::Function defineSockDiag(Napi::Env env);

}  // namespace addon

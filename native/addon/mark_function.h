#pragma once

#include <napi.h>

namespace addon {

/// `listenAbstract`.
Napi::Function defineListenAbstract(Napi::Env env);

}  // namespace addon

#pragma once

#include <napi.h>

namespace addon {

/// `AbstractListener`: a socket that is there to be seen.
Napi::Function defineAbstractListener(Napi::Env env);

}  // namespace addon

#pragma once

#include <napi.h>

// What addon.cc exports. Each function is defined in the file named after it.

namespace addon {

/// `SockDiag`: one-shot dumps.
Napi::Function defineSockDiag(Napi::Env env);

/// `TcpTracker`: the tracked sockets of one port.
Napi::Function defineTcpTracker(Napi::Env env);

/// `UnixTracker`: the sockets of one name, with a revision.
Napi::Function defineUnixTracker(Napi::Env env);

/// `PollLoop`: polls of trackers without JavaScript.
Napi::Function definePollLoop(Napi::Env env);

/// `listenAbstract` and `closeAbstract`: the listeners that serve as drain markers.
Napi::Function defineListenAbstract(Napi::Env env);
Napi::Function defineCloseAbstract(Napi::Env env);

/// `reapOrphans`.
Napi::Function defineReapOrphans(Napi::Env env);

}  // namespace addon

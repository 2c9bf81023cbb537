#pragma once

#include "sockdiag/bytes.h"
#include "sockdiag/conversation.h"
#include "sockdiag/result.h"
#include "sockdiag/unix_socket.h"

namespace sockdiag {

/// All listening and accepted stream sockets whose name has exactly these bytes: a path (with or
/// without the NUL at its end) or an abstract name with the NUL at its beginning. EMSGSIZE if the
/// kernel cannot tell who is in a queue (see unix_dump.cc).
Result<UnixSockets> dumpUnix(Conversation& conversation, Bytes name);

}  // namespace sockdiag

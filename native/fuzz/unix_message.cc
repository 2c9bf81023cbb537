#include "sockdiag/unix_message.h"

#include <linux/unix_diag.h>

#include "script.h"

namespace {

bool isWithin(sockdiag::Bytes part, sockdiag::Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.size() <= whole.size() &&
          part.data() - whole.data() <= static_cast<std::ptrdiff_t>(whole.size() - part.size()));
}

}  // namespace

// Any bytes parsed as a struct unix_diag_msg.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sockdiag;
  const auto payload = fuzz::bytesOf(data, size);
  const auto parsed = parseUnixMessage(payload);
  if (!parsed.ok()) {
    fuzz::require(parsed.failure().error == EBADMSG, "the error is EBADMSG");
    return 0;
  }
  const auto& message = parsed.value();
  fuzz::require(size >= sizeof(unix_diag_msg), "a message without its fixed part is an error");
  fuzz::require(isWithin(message.name, payload), "the name is within the message");
  const bool isPath = !message.name.empty() && message.name.front() != std::byte{0};
  fuzz::require(!isPath || withoutPathEnd(message.name).size() + 1 >= message.name.size(),
                "a path loses at most its trailing NUL");
  if (message.queuedPeerInodes) {
    fuzz::require(isWithin(*message.queuedPeerInodes, payload), "the queue is within the message");
    fuzz::require(message.queuedPeerInodes->size() % sizeof(__u32) == 0,
                  "the queue contains complete inodes");
  }
  return 0;
}

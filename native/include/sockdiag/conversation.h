#pragma once

#include <cstdint>

#include "sockdiag/patience.h"
#include "sockdiag/request.h"
#include "sockdiag/result.h"
#include "sockdiag/transport.h"

namespace sockdiag {

/// Takes in the sockets of a dump.
class DumpSink {
 public:
  /// A dump begins; what an earlier one brought is void.
  virtual void restart() = 0;
  /// One socket. A failure ends the dump with it.
  virtual Status add(Bytes payload) = 0;

  DumpSink(const DumpSink&) = delete;
  DumpSink& operator=(const DumpSink&) = delete;

 protected:
  DumpSink() = default;
  ~DumpSink() = default;
};

/// A dump that the kernel calls inconsistent, or had no memory for, is asked again this often.
inline constexpr int kMaxRepeats = 3;

/// Questions and whole answers over one transport.
class Conversation {
 public:
  explicit Conversation(Transport& transport) : transport_(transport) {}

  /// Feeds the sink with every socket of the answer up to its end, or fails: there is no half an
  /// answer. NLM_F_DUMP_INTR and ENOBUFS have the whole dump asked again; the failure after the
  /// last repeat has EINTR or ENOBUFS. An answer that was not read to its end, for whatever reason,
  /// has the transport dropped: a new socket() is cheaper than doubt about what is in the queue.
  Status dump(Request request, DumpSink& sink);

 private:
  enum class Ending : std::uint8_t { kComplete, kInterrupted };

  Result<Ending> ask(Request& request, DumpSink& sink, Patience& patience);
  /// After nothing useful came.
  Status bear(Patience& patience, bool queueIsEmpty);

  Transport& transport_;
  std::uint32_t sequence_ = 0;
};

}  // namespace sockdiag

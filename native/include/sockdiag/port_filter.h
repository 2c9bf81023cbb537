#pragma once

#include <linux/filter.h>

#include <span>

#include "sockdiag/list.h"
#include "sockdiag/result.h"
#include "sockdiag/tcp_socket.h"

namespace sockdiag {

/// A classic BPF program (linux/filter.h) for destroy events that passes those with one of these
/// local ports, given in ascending order. A binary search leads to short lists, so that the event
/// of another port costs a few comparisons, however many ports there are.
Result<List<sock_filter>> portFilter(std::span<const Port> ports);

}  // namespace sockdiag

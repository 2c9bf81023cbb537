#pragma once

namespace sockdiag::test {

/// Moves the calling thread into a new network namespace and takes its loopback up. False where
/// that is not permitted.
bool enterOwnNetwork();

}  // namespace sockdiag::test

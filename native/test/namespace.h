#pragma once

namespace sockdiag::test {

/// Moves the calling thread into a new network namespace and brings up its loopback interface.
/// False without the permission.
bool enterOwnNetwork();

}  // namespace sockdiag::test

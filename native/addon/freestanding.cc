// The part of libstdc++ that the addon uses and is not in its headers, so that no libstdc++ is
// needed where it runs. What grows, or is large, has its memory from malloc and fails without it.
// What is left for operator new are Node-API's own few bytes for each class and object, in whose
// code no failure can be told: there, like every broken invariant, it ends the process, as V8 does
// where it has no memory.

#include <cstddef>
#include <cstdlib>
#include <new>

// NOLINTBEGIN(bugprone-reserved-identifier)

void* operator new(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}

void* operator new[](std::size_t size) { return operator new(size); }

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace std {

[[noreturn]] void __throw_length_error(const char* /*what*/) { abort(); }
[[noreturn]] void __throw_logic_error(const char* /*what*/) { abort(); }
[[noreturn]] void __throw_bad_alloc() { abort(); }
[[noreturn]] void __throw_bad_array_new_length() { abort(); }
[[noreturn]] void __throw_bad_function_call() { abort(); }

}  // namespace std

// Stands in the table of an abstract class for its functions; never called.
extern "C" [[noreturn]] void __cxa_pure_virtual() { std::abort(); }

// NOLINTEND(bugprone-reserved-identifier)

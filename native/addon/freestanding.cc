// The parts of libstdc++ that the addon uses and that are not in its headers, so that it needs no
// libstdc++ at run time. Large or growing data is allocated with malloc and reports failures. What
// remains for operator new are the few bytes that Node-API's wrapper allocates for each class and
// object, where failures cannot be reported: it ends the process, as V8 does when it is out of
// memory.

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

// The entry of pure virtual functions in an abstract class's vtable; never called.
extern "C" [[noreturn]] void __cxa_pure_virtual() { std::abort(); }

// NOLINTEND(bugprone-reserved-identifier)

// What libfanion needs of GCC's OpenMP runtime, by threads that ThreadSanitizer sees.
//
// libgomp starts its threads and waits for them in ways that ThreadSanitizer does not understand: it would call every
// parallel loop a race. This file is compiled into the library under FANION_SANITIZE=thread only; its functions are
// hidden, so that libtorch goes on with libgomp. A region inside a region has one thread, as OpenMP's default is.

#include <ATen/Parallel.h>

#include <thread>
#include <vector>

#define FANION_HIDDEN __attribute__((visibility("hidden")))

namespace {

thread_local int index_in_team = 0;
thread_local int size_of_team = 1;

}  // namespace

extern "C" {

FANION_HIDDEN void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned /*flags*/) {
  const int team = size_of_team > 1 ? 1 : threads > 0 ? static_cast<int>(threads) : at::get_num_threads();
  const auto run = [&](int index) {
    const int outer_index = index_in_team, outer_size = size_of_team;
    index_in_team = index, size_of_team = team;
    body(data);
    index_in_team = outer_index, size_of_team = outer_size;
  };
  std::vector<std::thread> others;
  for (int i = 1; i < team; ++i) others.emplace_back(run, i);
  run(0);
  for (auto& other : others) other.join();
}

FANION_HIDDEN int omp_get_thread_num() { return index_in_team; }
FANION_HIDDEN int omp_get_num_threads() { return size_of_team; }
}

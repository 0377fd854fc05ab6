#pragma once

#include <cstdint>
#include <string_view>

namespace fanion {

/// Fowler, Noll and Vo's hash FNV-1a of 64 bits of all that was added so far: tells texts and files apart that nobody
/// has made to collide. Cost: a multiplication a byte, or one a word, which is another hash of the same bytes. Source:
/// draft-eastlake-fnv.
class Fnv1a {
 public:
  void add(std::string_view bytes) {
    for (const unsigned char byte : bytes) add_word(byte);
  }
  void add_word(uint64_t word) { hash_ = (hash_ ^ word) * 0x100000001b3; }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace fanion

#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

/// What c10d/ProcessGroupGloo.hpp names of Gloo. The torch wheels have that header and what it declares, but not Gloo's
/// own headers, which it includes; nothing here is defined, made or called, pointers alone are handed through.
namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {
class Device;
class UnboundBuffer;
}  // namespace transport

namespace rendezvous {

class Store {
 public:
  virtual ~Store() = default;
  virtual void set(const std::string& key, const std::vector<char>& value) = 0;
  virtual std::vector<char> get(const std::string& key) = 0;
  virtual void wait(const std::vector<std::string>& keys) = 0;
  virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};

}  // namespace rendezvous
}  // namespace gloo

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fanion::reproduce {

/// How a reproduction is asked for.
struct Request {
  std::filesystem::path out;  ///< its folder: runs, pictures and record.md
  bool quick = false;         ///< the cut that takes about a minute, with the same ordering of the curves
  std::string device = "cpu";
  int64_t jobs = 2;  ///< trainings at a time, where they are small
  std::string data;  ///< folder of CIFAR-10, or text, for those that train on one; empty: what comes with the program
  // A cut of those that train on images, or GPTs; 0: what the figure has.
  double epochs = 0;
  int64_t steps = 0;
  int64_t seeds = 0;

  int64_t steps_or(int64_t own) const { return steps > 0 ? steps : own; }
  int64_t seeds_or(int64_t own) const { return seeds > 0 ? seeds : own; }
};

/// A table or figure of the papers that the program makes again.
struct Reproduction {
  std::string name;
  std::string what;
  std::string source;  ///< paper and place: "KyFan §4.1, figures 1 and 7"
  std::string time;    ///< on 2 cores, whole and quick, ~ where it was not measured: "~40 min, 45 s"
  void (*run)(const Request& request);
};

/// All of them, in the order of `fanion reproduce --list`.
const std::vector<Reproduction>& reproductions();

/// The one called `name`; throws naming all.
const Reproduction& reproduction_by_name(const std::string& name);

}  // namespace fanion::reproduce

#pragma once

#include <nlohmann/json_fwd.hpp>

#include "tasks/svd_errors.h"

namespace fanion::tasks {

/// What `fanion svd` is asked for; everything that decides a study but the machine.
struct SvdStudyOptions {
  std::string matrix;                 ///< .npy file; empty: made from spectrum and size
  std::string spectrum = "gaussian";  ///< see parse_spectrum
  std::string size = "5000";          ///< see parse_size
  std::vector<int64_t> k = {};        ///< empty: those of 1, 10, 100 that the matrix has
  std::string criterion = "rank_k";   ///< rank_k, lmo_gap or residual
  double tol = 0.01;                  ///< in (0, 1)
  std::vector<std::string> method;    ///< empty: all
  std::string dtype;                  ///< of the matrix; empty: the file's, or float32
  uint64_t seed = 0;                  ///< of the matrix; run r of a method starts from seed + r
  int64_t repeat = 3;                 ///< runs of each method and of a curve's points; the median counts
  double limit = 30;                  ///< seconds for a run, and for all points of a curve together
  bool curves = true;                 ///< measure errors at fixed numbers of passes
};

/// Runs, and points of a curve, longer than this many seconds are not repeated.
constexpr double kLongRun = 10, kLongPoint = 0.5;

nlohmann::json to_json(const SvdStudyOptions& options);

/// The k largest triplets in float64 and how they were come by.
struct Reference {
  ExactTriplets exact;
  std::string source;  ///< one line
  double bound = 0;    ///< of its own rank_k error, where a solver gave it
};

/// A study's matrix, in the dtype it is stored in and in float64, both of the same values.
struct SvdProblem {
  SvdStudyOptions options;  ///< with the defaults filled in
  at::Tensor A;             ///< (m, n) in options.dtype
  at::Tensor A_double;
  std::optional<ExactTriplets> known;  ///< of a made matrix, up to the rounding to its dtype
  linalg::SvdCriterion criterion;
  std::vector<linalg::SvdMethod> methods;

  /// From the maker where that knows them, by LAPACK up to 1000 columns, else by a float64 run with a tighter tol.
  Reference reference(int64_t k) const;
  /// Whether it is the problem of Table 2 of KyFan, up to k: 5000 × 5000 Gaussian, rank_k within 1 %.
  bool is_table2() const;
};

/// Reads or makes the matrix. Throws, naming what was given and what is allowed.
SvdProblem make_problem(const SvdStudyOptions& options);

}  // namespace fanion::tasks

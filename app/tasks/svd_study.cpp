#include "tasks/svd_study.h"

#include <ATen/CPUGeneratorImpl.h>

#include <chrono>

#include "fanion/linalg/cost_model.h"
#include "fanion/linalg/svd_method_traits.h"
#include "tasks/limited_operator.h"
#include "terminal/table.h"

namespace fanion::tasks {
namespace {

using Clock = std::chrono::steady_clock;
using linalg::SvdCriterion;
using linalg::SvdMethod;

constexpr int64_t kMostPasses = 4000;  // of a curve
constexpr double kCurveEnd = 0.01;     // a curve ends at this part of tol …
constexpr double kSingleFloor = 1e-6;  // … or where float32 ends

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto count = values.size();
  return count == 0 ? 0 : (values[(count - 1) / 2] + values[count / 2]) / 2;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Threads started, LAPACK and BLAS loaded, before anything is timed.
void warm_up(const SvdProblem& problem) {
  const auto& A = problem.A;
  const auto corner = A.narrow(0, 0, std::min<int64_t>(A.size(0), 128)).narrow(1, 0, std::min<int64_t>(A.size(1), 128));
  for (const auto method : {SvdMethod::block_krylov, SvdMethod::dense})
    linalg::topk_svd(corner.contiguous(), 1, {.method = method});
}

SvdRun certified(const SvdProblem& problem, const linalg::DenseOperator& A, SvdMethod method, int64_t k,
                 const ExactTriplets& exact) {
  const auto& o = problem.options;
  linalg::SvdOptions options{.method = method, .criterion = problem.criterion, .tol = o.tol};
  SvdRun run{.asked = method, .ran = method, .k = k};
  if (method == SvdMethod::automatic) run.ran = linalg::choose_method(A, k, options);
  // A method without products cannot be stopped once it runs.
  if (linalg::traits_of(run.ran).products == linalg::SvdProducts::none) {
    run.predicted = linalg::predicted_seconds(
        run.ran, {.m = A.rows(), .n = A.cols(), .k = k, .in_double = A.options().dtype() == at::kDouble},
        linalg::svd_costs());
    if (run.predicted > o.limit) {
      run.status = "not started";
      run.message = c10::str("predicted to take ", terminal::fixed(run.predicted, 0), " s, above the ", o.limit,
                             " s of --limit, and it cannot be stopped");
      return run;
    }
  }
  double worst = -1;
  for (int64_t r = 0; r < o.repeat && (r == 0 || run.seconds.front() <= kLongRun); ++r) {
    options.generator = at::detail::createCPUGenerator(o.seed + static_cast<uint64_t>(r));
    const LimitedOperator limited(A, o.limit);
    const auto start = Clock::now();
    try {
      const auto svd = linalg::topk_svd(limited, k, options);
      run.seconds.push_back(seconds_since(start));
      const auto errors = svd_errors(problem.A_double, svd, exact);
      const double error = error_of(errors, problem.criterion);
      run.ran = svd.report.method;
      if (run.status != "exhausted") run.status = linalg::name_of(svd.report.status);
      if (!(error <= worst)) {
        worst = error;
        run.errors = errors;
        run.bound = bound_of(svd, problem.criterion);
        run.bound_kind = svd.report.bounds.kind;
      }
      run.products = svd.report.products;
      run.reads = svd.report.reads;
      run.restarts = svd.report.restarts;
      run.message = svd.report.message;
    } catch (const TimeIsUp&) {
      run.status = "over the limit";
      run.seconds = {seconds_since(start)};
      run.products = limited.count().forward + limited.count().adjoint;
      run.reads = limited.count().reads;
      run.message = c10::str("stopped after the ", o.limit, " s of --limit");
      run.errors = {};
      run.bound = std::numeric_limits<double>::infinity();
      break;
    }
  }
  return run;
}

ErrorCurve curve(const SvdProblem& problem, const linalg::DenseOperator& A, SvdMethod method, int64_t k,
                 const ExactTriplets& exact) {
  const auto& o = problem.options;
  ErrorCurve curve{.method = method, .k = k};
  const double enough = std::max(kCurveEnd * o.tol, o.dtype == "float64" ? 0.0 : kSingleFloor);
  double spent = 0;  // by a run for every point; measuring their errors takes longer
  const bool one_by_one = linalg::traits_of(method).products == linalg::SvdProducts::vectors;
  for (int64_t passes = one_by_one ? k : 1; passes <= kMostPasses; passes = std::max(passes + 1, passes * 5 / 4)) {
    linalg::SvdOptions options{.method = method, .criterion = SvdCriterion::passes, .passes = passes};
    const LimitedOperator limited(A, o.limit - spent);
    std::vector<double> seconds;
    linalg::SvdResult svd;
    try {
      for (int64_t r = 0; r < o.repeat && (r == 0 || seconds.front() <= kLongPoint); ++r) {
        options.generator = at::detail::createCPUGenerator(o.seed);
        const auto start = Clock::now();
        svd = linalg::topk_svd(limited, k, options);
        seconds.push_back(seconds_since(start));
      }
      spent += median(seconds);
      const double error = error_of(svd_errors(problem.A_double, svd, exact), problem.criterion);
      curve.points.push_back({passes, svd.report.reads, svd.report.products, median(seconds), error});
      if (error <= enough) {
        curve.end = "accurate";
        return curve;
      }
    } catch (const TimeIsUp&) {
      curve.end = c10::str("the ", o.limit, " s of --limit are up");
      return curve;
    }
  }
  curve.end = c10::str(kMostPasses, " passes");
  return curve;
}

std::string line(const SvdRun& run) {
  auto text = c10::str("k = ", run.k, ": ", linalg::name_of(run.asked), " ", run.status);
  if (!run.seconds.empty()) text += c10::str(", ", terminal::fixed(run.median(), 3), " s");
  return text;
}

/// The methods that curves are drawn for: what ran, each once. What takes no passes has one point, its run.
std::vector<SvdMethod> drawn(const std::vector<SvdRun>& runs, int64_t k) {
  std::vector<SvdMethod> methods;
  for (const auto& run : runs)
    if (run.k == k && linalg::traits_of(run.ran).takes_passes() &&
        std::find(methods.begin(), methods.end(), run.ran) == methods.end())
      methods.push_back(run.ran);
  return methods;
}

}  // namespace

double SvdRun::median() const { return tasks::median(seconds); }

void run_study(SvdStudy& study, const std::function<void(const std::string&)>& said,
               const std::function<void()>& kept) {
  const auto& problem = study.problem;
  const linalg::DenseOperator A(problem.A);
  warm_up(problem);
  for (const auto k : problem.options.k) {
    const auto start = Clock::now();
    const auto reference = problem.reference(k);
    const double took = seconds_since(start);
    study.exact[k] = reference.exact;
    study.references.push_back({{"k", k}, {"source", reference.source}, {"bound", reference.bound}, {"seconds", took}});
    said(c10::str("k = ", k, ": reference ", reference.source, ", ", terminal::fixed(took, 1), " s"));
    for (const auto method : problem.methods) {
      study.runs.push_back(certified(problem, A, method, k, reference.exact));
      said(line(study.runs.back()));
    }
    if (problem.options.curves) {
      for (const auto method : drawn(study.runs, k)) {
        study.curves.push_back(curve(problem, A, method, k, reference.exact));
        const auto& drawn_curve = study.curves.back();
        said(c10::str("k = ", k, ": ", linalg::name_of(method), " at ", drawn_curve.points.size(),
                      " numbers of passes; end: ", drawn_curve.end));
      }
    }
    kept();
  }
}

}  // namespace fanion::tasks

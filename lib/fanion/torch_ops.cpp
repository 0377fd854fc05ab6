// The Python boundary: the library's functions as torch ops in the namespace `fanion`; svd_ops.cpp has top-k SVD and
// operators, norm_ops.cpp norms and rules. Strings and numbers come in here and become options; nothing else in the
// library parses names.

#include <torch/custom_class.h>
#include <torch/serialize/archive.h>

#include <sstream>

#include "fanion/define_op.h"
#include "fanion/linalg/newton_schulz.h"
#include "fanion/linalg/polar.h"
#include "fanion/linalg/polar_express.h"
#include "fanion/optim/held_matrices.h"
#include "fanion/optim/matrix_view.h"
#include "fanion/optim/step.h"
#include "fanion/version.h"

namespace fanion {
namespace {

struct NonfiniteLogObject : torch::CustomClassHolder {
  optim::NonfiniteLog log;
};
using NonfiniteLogHandle = c10::intrusive_ptr<NonfiniteLogObject>;

NonfiniteLogHandle nonfinite_log() { return c10::make_intrusive<NonfiniteLogObject>(); }
int64_t poll_nonfinite_log(const NonfiniteLogHandle& handle, bool wait) { return handle->log.poll(wait); }

/// `state` has the state tensors of one parameter after the other; `kinds` has their names,
/// "momentum_buffer,warm_start", one text per parameter, as `group`, `position` and `names` have one entry per
/// parameter, `rules` and `options` one per group. `spreads`: empty, or for each parameter an empty text or how it is
/// spread over processes (distributed/spread.h); such a one may have no gradient, and the tensors are its blocks.
int64_t step_(at::TensorList params, const c10::List<std::optional<at::Tensor>>& grads, at::TensorList state,
              const c10::List<std::string>& kinds, at::IntArrayRef group, at::IntArrayRef position,
              const c10::List<std::string>& names, const c10::List<std::string>& rules,
              const c10::List<std::string>& options, const c10::List<std::string>& spreads,
              const std::optional<NonfiniteLogHandle>& log, const std::optional<at::Tensor>& found_inf,
              bool stacks_everywhere) {
  const auto count = params.size();
  TORCH_CHECK_VALUE(grads.size() == count && kinds.size() == count && group.size() == count &&
                        position.size() == count && names.size() == count && rules.size() == options.size() &&
                        (spreads.empty() || spreads.size() == count),
                    "step_ got lists that do not fit each other: ", count, " parameters, ", grads.size(), " gradients");
  std::vector<optim::GroupSettings> settings;
  for (std::size_t g = 0; g < rules.size(); ++g)
    settings.push_back(optim::settings_from_text(rules.get(g), options.get(g)));
  std::vector<optim::StepEntry> entries;
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto grad = grads.get(i).value_or(at::Tensor());
    optim::StepEntry entry{
        params[i], grad, {}, static_cast<std::size_t>(group[i]), static_cast<std::size_t>(position[i]), names.get(i)};
    if (!spreads.empty() && !spreads.get(i).empty()) entry.spread = distributed::spread_from_text(spreads.get(i));
    TORCH_CHECK_VALUE(grad.defined() || entry.spread, "step_ got no gradient of ", optim::label(entry));
    std::istringstream kinds_of_this(kinds.get(i));
    for (std::string kind; std::getline(kinds_of_this, kind, ',');) {
      TORCH_CHECK_VALUE(next < state.size(), "step_ got fewer state tensors than kinds of them");
      entry.state.emplace_back(kind, state[next++]);
    }
    entries.push_back(std::move(entry));
  }
  TORCH_CHECK_VALUE(next == state.size(), "step_ got more state tensors than kinds of them");
  return optim::step_(entries, settings,
                      {.log = log ? &(*log)->log : nullptr,
                       .found_inf = found_inf.value_or(at::Tensor()),
                       .stacks = stacks_everywhere ? optim::Stacks::everywhere : optim::Stacks::accelerators});
}

std::tuple<std::vector<std::string>, std::vector<at::Tensor>> initial_state(const at::Tensor& parameter,
                                                                            std::string_view rule,
                                                                            std::string_view options,
                                                                            at::OptionalIntArrayRef whole) {
  std::tuple<std::vector<std::string>, std::vector<at::Tensor>> result;
  for (auto& [kind, tensor] : optim::initial_state(parameter, optim::settings_from_text(rule, options), whole)) {
    std::get<0>(result).push_back(kind);
    std::get<1>(result).push_back(tensor);
  }
  return result;
}

/// Name, kind, default, what is allowed and help of every option, with tabs between them.
std::vector<std::string> step_options(std::string_view rule) {
  std::vector<std::string> lines;
  for (const auto& o : optim::option_lines_of(rule))
    lines.push_back(o.name + '\t' + o.kind + '\t' + o.initial + '\t' + o.allowed + '\t' + o.help);
  return lines;
}

void check_step_options(std::string_view rule, std::string_view options) {
  optim::check_settings(optim::settings_from_text(rule, options));
}

/// How a step finds the direction of a matrix that is spread like this: "products" of replicas, "sums" over blocks, by
/// its "owner"; "" where it is whole here.
std::string spread_method(std::string_view rule, std::string_view options, std::string_view spread) {
  const auto settings = optim::settings_from_text(rule, options);
  const auto* lmo = std::get_if<optim::LmoSettings>(&settings);
  TORCH_CHECK_VALUE(lmo != nullptr, "spread_method takes the text of a matrix rule, got ", rule);
  const auto whole = distributed::spread_from_text(spread);
  const auto matrices = optim::matrices_here({whole.sizes, lmo->step}, &whole);
  if (matrices.empty() || !matrices[0].spread) return "";
  const auto layout = distributed::layout_of(distributed::as_matrix(*matrices[0].spread, lmo->step.transposed));
  if (!layout.is_spread()) return "";
  if (layout.over_replicas) return "products";
  return lmo->rule->takes_blocks(layout) ? "sums" : "owner";
}

/// The matrices that a parameter, or its momentum, holds under a matrix rule's options, each out × in.
std::vector<at::Tensor> held_matrices(const at::Tensor& parameter, std::string_view options) {
  optim::LmoStepOptions o;
  read_options(o, options);
  const optim::HeldMatrices held(parameter.sizes(), o);
  std::vector<at::Tensor> matrices;
  for (const auto& matrix : optim::matrices_here(held, nullptr))
    matrices.push_back(
        optim::matrix_view(matrix.of_rows(parameter, held.row_dimension() - held.leading()), o.transposed));
  return matrices;
}

/// Sizes of what counts them: leading dimensions, and the number of matrices that rows are split into.
std::vector<int64_t> held_front(at::IntArrayRef sizes, std::string_view options) {
  optim::LmoStepOptions o;
  read_options(o, options);
  return optim::HeldMatrices(sizes, o).front();
}

/// Rows and columns of each of them, one after the other.
std::vector<int64_t> held_shapes(at::IntArrayRef sizes, std::string_view options) {
  optim::LmoStepOptions o;
  read_options(o, options);
  const optim::HeldMatrices held(sizes, o);
  const auto shapes = held.shapes();
  std::vector<int64_t> all;
  for (int64_t i = 0; i < held.count(); ++i) {
    const auto& [m, n] = shapes[i % shapes.size()];
    all.insert(all.end(), {m, n});
  }
  return all;
}

/// As `LmoOptimizer::save` leaves its state in the archive that torch::save writes.
void write_archive(const std::string& path, const c10::List<std::string>& names, at::TensorList tensors) {
  torch::serialize::OutputArchive archive;
  for (std::size_t i = 0; i < tensors.size(); ++i) archive.write(names.get(i), tensors[i], /*is_buffer=*/true);
  archive.save_to(path);
}

std::tuple<std::vector<std::string>, std::vector<at::Tensor>> read_archive(const std::string& path) {
  torch::serialize::InputArchive archive;
  archive.load_from(path, at::Device(at::kCPU));
  std::tuple<std::vector<std::string>, std::vector<at::Tensor>> found;
  for (const auto& name : archive.keys()) {
    at::Tensor tensor;
    archive.read(name, tensor, /*is_buffer=*/true);
    std::get<0>(found).push_back(name);
    std::get<1>(found).push_back(tensor);
  }
  return found;
}

/// With the named set of coefficients, or with `triples` where the name is empty; steps = 0 are all of a named set.
at::Tensor newton_schulz(const at::Tensor& M, std::string_view name, at::ArrayRef<double> triples, int64_t steps,
                         double eps, std::optional<at::ScalarType> dtype, std::string_view form) {
  TORCH_CHECK_VALUE(triples.size() % 3 == 0 && triples.empty() != name.empty(), "coefficients needs (a, b, c), got ",
                    triples.size(), " numbers");
  TORCH_CHECK_VALUE(!dtype || at::isFloatingType(*dtype), "dtype = ", *dtype, " must be a floating-point one");
  linalg::NewtonSchulzOptions options{.coefficients = {},
                                      .steps = steps,
                                      .dtype = dtype,
                                      .eps = eps,
                                      .form = linalg::newton_schulz_form_from_name(form)};
  if (!name.empty()) {
    const auto& set = linalg::coefficient_set(name);
    if (steps == 0) options.steps = set.steps;
    options.coefficients = linalg::first_steps(set, options.steps);
  }
  for (std::size_t i = 0; i < triples.size(); i += 3)
    options.coefficients.push_back({triples[i], triples[i + 1], triples[i + 2]});
  return linalg::newton_schulz(M, options);
}

std::vector<double> flat(const std::vector<linalg::Quintic>& steps) {
  std::vector<double> numbers;
  for (const auto& step : steps) numbers.insert(numbers.end(), step.begin(), step.end());
  return numbers;
}

std::vector<double> polar_express_coefficients(double lower, int64_t steps, double safety, bool track_safety,
                                               double cushion) {
  return flat(linalg::polar_express_coefficients(
      {.lower = lower, .steps = steps, .safety = safety, .track_safety = track_safety, .cushion = cushion}));
}

std::tuple<at::Tensor, at::Tensor, std::string, int64_t, int64_t, int64_t, double, std::string> polar(
    const at::Tensor& M, double tol) {
  const auto [Q, r] = linalg::polar_with_report(M, {.tol = tol});
  return {Q,        r.rank, std::string(name_of(r.status)), r.iterations, r.qr_iterations, r.snaps, r.isometry_error,
          r.message};
}

/// Contiguous, which torch.compile must know before it is there (_fake_ops.py).
at::Tensor polar_factor(const at::Tensor& M, double tol) { return linalg::polar(M, {.tol = tol}).contiguous(); }

std::string version() { return std::string(kVersion); }

}  // namespace

TORCH_LIBRARY(fanion, m) {
  m.class_<NonfiniteLogObject>("NonfiniteLog");
  define_op<nonfinite_log>(m, "nonfinite_log() -> __torch__.torch.classes.fanion.NonfiniteLog");
  define_op<poll_nonfinite_log>(
      m, "poll_nonfinite_log(__torch__.torch.classes.fanion.NonfiniteLog log, bool wait) -> int");
  define_op<step_>(
      m,
      "step_(Tensor(a!)[] params, Tensor?[] grads, Tensor(b!)[] state, *, str[] kinds, int[] group, int[] position, "
      "str[] names, str[] rules, str[] options, str[] spreads, __torch__.torch.classes.fanion.NonfiniteLog? log=None, "
      "Tensor? found_inf=None, bool stacks_everywhere=False) -> int");
  define_op<initial_state>(
      m,
      "initial_state(Tensor parameter, str rule, str options, *, int[]? whole=None) -> (str[] kinds, Tensor[] state)",
      InGraphs::never);
  define_op<step_options>(m, "step_options(str rule) -> str[]");
  define_op<check_step_options>(m, "check_step_options(str rule, str options) -> ()");
  define_op<spread_method>(m, "spread_method(str rule, str options, str spread) -> str");
  define_op<held_matrices>(m, "held_matrices(Tensor parameter, str options) -> Tensor[]", InGraphs::never);
  define_op<write_archive>(m, "write_archive(str path, str[] names, Tensor[] tensors) -> ()", InGraphs::never);
  define_op<read_archive>(m, "read_archive(str path) -> (str[] names, Tensor[] tensors)", InGraphs::never);
  define_op<held_shapes>(m, "held_shapes(int[] sizes, str options) -> int[]");
  define_op<held_front>(m, "held_front(int[] sizes, str options) -> int[]");
  define_op<newton_schulz>(
      m,
      "newton_schulz(Tensor M, *, str name, float[] triples, int steps, float eps, ScalarType? dtype, str form) "
      "-> Tensor");
  define_op<polar_express_coefficients>(
      m,
      "polar_express_coefficients(float lower, int steps, float safety, bool track_safety, float cushion) -> float[]");
  define_op<polar>(
      m,
      "polar(Tensor M, *, float tol) -> (Tensor Q, Tensor rank, str status, int iterations, int qr_iterations, "
      "int snaps, float isometry_error, str message)");
  define_op<polar_factor>(m, "polar_factor(Tensor M, *, float tol) -> Tensor");
  define_op<version>(m, "version() -> str");
}

}  // namespace fanion

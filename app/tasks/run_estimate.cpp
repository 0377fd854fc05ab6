#include "tasks/run_estimate.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "fanion/norms/dual_sum.h"
#include "fanion/norms/registry.h"
#include "fanion/norms/shape_scale.h"
#include "fanion/theory/estimators.h"
#include "tasks/gpt_run.h"
#include "terminal/table.h"

namespace fanion::tasks {
namespace {

using Tensors = std::vector<at::Tensor>;

norms::NormPtr norm_of(const GptOptions& o, const std::string& given) {
  if (!given.empty()) return norms::norm_from_name(given);
  try {
    TORCH_CHECK_VALUE(o.optimizer != "adamw", "'adamw' steps along the LMO of no norm");
    return norms::norm_from_name(o.optimizer);
  } catch (c10::Error& e) {
    TORCH_CHECK_VALUE(false, e.what_without_backtrace(), "; --norm says in which norm to measure this run");
  }
}

/// The norm with the unit ball `scale` times as large.
norms::NormPtr scaled(const norms::NormPtr& norm, double scale) {
  return scale == 1 ? norm : norms::dual_sum({{scale, norm}});
}

/// Gradients of the hidden matrices of a model on training batches, and the losses on the way.
class HiddenGradient {
 public:
  HiddenGradient(const models::Gpt& model, const data::TokenSplit& data, const GptOptions& o, uint64_t seed)
      : model_(model), data_(data), o_(o), seed_(seed) {
    for (const auto& p : model.parameters()) {
      if (p.role != models::Role::matrix) continue;
      names_.push_back(p.name);
      hidden_.push_back(p.tensor);
    }
  }

  const std::vector<std::string>& names() const { return names_; }
  Tensors point() const {
    Tensors X;
    for (const auto& p : hidden_) X.push_back(p.detach().clone());
    return X;
  }

  Tensors operator()(const Tensors& X, int64_t batch) {
    {
      const at::NoGradGuard no_grad;
      for (std::size_t i = 0; i < X.size(); ++i) hidden_[i].copy_(X[i]);
    }
    for (const auto& p : model_.parameters()) p.tensor.mutable_grad() = at::Tensor();
    const auto tokens = data_.training_batch(o_.batch, seed_, o_.steps + batch, at::kCPU);
    const auto loss = model_.loss(tokens.inputs, tokens.targets);
    loss.backward();
    loss_ += loss.item<double>();
    ++calls_;
    Tensors gradients;
    for (const auto& p : hidden_) gradients.push_back(p.grad());
    return gradients;
  }

  /// Over all calls so far.
  double mean_loss() const { return loss_ / static_cast<double>(calls_); }

 private:
  const models::Gpt& model_;
  const data::TokenSplit& data_;
  const GptOptions& o_;
  uint64_t seed_;
  std::vector<std::string> names_;
  Tensors hidden_;
  double loss_ = 0;
  int64_t calls_ = 0;
};

/// JSON has no NaN.
nlohmann::json number(double x) { return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(); }

nlohmann::json figures(const theory::Estimate& noise, const theory::LocalSmoothness& L, double rho, double gradient) {
  return {{"sigma_squared", noise.value},
          {"sigma_squared_error", noise.standard_error},
          {"rho", rho},
          {"gradient_dual_norm", gradient},
          {"L_along_lmo", number(L.along_lmo)},
          {"L_along_random", number(L.along_random)}};
}

}  // namespace

nlohmann::json estimate_run(const record::RunFolder& run, const EstimateOptions& e) {
  const auto o = options_of(run);
  TORCH_CHECK_VALUE(e.step >= 0 && std::isfinite(e.step), "--step ", e.step, " must be finite and not negative");
  TORCH_CHECK_VALUE(!e.seed || *e.seed >= 0, "--seed ", e.seed.value_or(0), " must not be negative");
  const auto norm = norm_of(o, e.norm);
  run.check_data();
  const auto trained = trained_model(run);
  const auto data = load_data(o);
  at::set_num_threads(static_cast<int>(o.threads));
  const auto seed = static_cast<uint64_t>(e.seed.value_or(o.seed));
  const double step = e.step > 0 ? e.step : o.lr;

  HiddenGradient hidden(trained.model, data, o, seed);
  const auto gradient = [&](const Tensors& X, int64_t batch) { return hidden(X, batch); };
  const auto X = hidden.point();
  std::vector<norms::NormPtr> norms;
  for (const auto& x : X) {
    const auto scale = norms::shape_scale(norms::shape_scale_from_name(o.scale), *norm, x.size(0), x.size(1));
    norms.push_back(scaled(norm, scale));
  }
  const auto noise = theory::estimate_noise(gradient, X, e.batches);
  const double loss = hidden.mean_loss();
  const auto L = theory::estimate_smoothness(
      gradient, X, norms, {.step = step, .batches = e.smoothness_batches, .random_directions = e.directions},
      at::detail::createCPUGenerator(seed));

  auto matrices = nlohmann::json::array();
  double whole_gradient = 0;
  for (std::size_t i = 0; i < X.size(); ++i) {
    const double dual = norms[i]->dual(noise.mean[i]).item<double>();
    whole_gradient += dual;
    auto entry = figures(noise.matrices[i], L.matrices[i], norms[i]->rho(X[i].size(0), X[i].size(1)), dual);
    entry.update({{"name", hidden.names()[i]}, {"shape", X[i].sizes().vec()}, {"norm", norms[i]->name()}});
    matrices.push_back(std::move(entry));
  }
  return {{"run", run.path().string()},
          {"checkpoint_step", trained.progress.step},
          {"norm", norm->name()},
          {"scale", o.scale},
          {"batches", e.batches},
          {"smoothness_batches", e.smoothness_batches},
          {"random_directions", e.directions},
          {"step", step},
          {"seed", seed},
          {"first_batch", o.steps},
          {"sequences", o.batch},
          {"context", o.context},
          {"loss", loss},
          {"matrices", matrices},
          {"whole", figures(noise.whole, L.whole, theory::rho_of_product(norms, X), whole_gradient)}};
}

std::string estimate_table(const nlohmann::json& estimate) {
  using terminal::significant;
  const auto value = [](const nlohmann::json& x) { return x.is_null() ? std::nan("") : x.get<double>(); };
  const auto row = [&](const std::string& name, const std::string& shape, const nlohmann::json& f) {
    const double squared = value(f.at("sigma_squared")), sigma = std::sqrt(squared);
    const double error = squared > 0 ? value(f.at("sigma_squared_error")) / (2 * sigma) : 0;
    return std::vector<std::string>{name,
                                    shape,
                                    significant(sigma, 3),
                                    significant(error, 2),
                                    significant(value(f.at("rho")), 3),
                                    significant(value(f.at("gradient_dual_norm")), 3),
                                    significant(value(f.at("L_along_lmo")), 3),
                                    significant(value(f.at("L_along_random")), 3)};
  };
  std::vector<std::vector<std::string>> rows = {
      {"matrix", "shape", "sigma", "+-", "rho", "|grad|_dual", "L >= (lmo)", "L >= (random)"}};
  for (const auto& m : estimate.at("matrices"))
    rows.push_back(
        row(m.at("name"), c10::str(m.at("shape")[0].get<int64_t>(), " x ", m.at("shape")[1].get<int64_t>()), m));
  rows.push_back(row("all together", "", estimate.at("whole")));
  return terminal::table(rows);
}

}  // namespace fanion::tasks

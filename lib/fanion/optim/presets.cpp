#include "fanion/optim/presets.h"

#include "fanion/norms/dion.h"
#include "fanion/norms/entry_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/mixture.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/schatten.h"
#include "fanion/norms/spectral.h"

namespace fanion::optim {

using norms::with_frobenius;

namespace {

norms::RulePtr with_sign_part(const norms::NormPtr& norm, double alpha, std::optional<double> eta,
                              std::optional<norms::Rank> k = std::nullopt) {
  return eta ? norms::with_constant_sign(norm, alpha, *eta) : norms::with_sign(norm, alpha, 1, k);
}

}  // namespace

LmoSettings muon(const LmoStepOptions& step, const linalg::NewtonSchulzOptions& ns) {
  return {norms::spectral(ns), step};
}
LmoSettings muon(const LmoStepOptions& step, std::nullopt_t) { return {norms::spectral(), step}; }
LmoSettings neon(const LmoStepOptions& step, const norms::TripletOptions& svd) { return {norms::nuclear(svd), step}; }
LmoSettings fanion(norms::Rank k, const LmoStepOptions& step, const norms::TripletOptions& svd) {
  return {norms::ky_fan_dual(k, svd), step};
}
LmoSettings f_muon(const LmoStepOptions& step, double alpha, const linalg::NewtonSchulzOptions& ns) {
  return {with_frobenius(norms::spectral(ns), alpha), step};
}
LmoSettings f_muon(const LmoStepOptions& step, double alpha, std::nullopt_t) {
  return {with_frobenius(norms::spectral(), alpha), step};
}
LmoSettings f_neon(const LmoStepOptions& step, double alpha, const norms::TripletOptions& svd) {
  return {with_frobenius(norms::nuclear(svd), alpha), step};
}
LmoSettings f_fanion(norms::Rank k, const LmoStepOptions& step, double alpha, const norms::TripletOptions& svd) {
  return {with_frobenius(norms::ky_fan_dual(k, svd), alpha), step};
}
LmoSettings d_fanion(norms::Rank k, const LmoStepOptions& step, norms::ResidualMap residual,
                     const norms::TripletOptions& svd, const linalg::NewtonSchulzOptions& newton_schulz) {
  return {norms::deflated(k, residual, svd, newton_schulz), step};
}
LmoSettings s_muon(const LmoStepOptions& step, double alpha, std::optional<double> eta,
                   const linalg::NewtonSchulzOptions& ns) {
  return {with_sign_part(norms::spectral(ns), alpha, eta), step};
}
LmoSettings s_fanion(norms::Rank k, const LmoStepOptions& step, double alpha, std::optional<double> eta,
                     const norms::TripletOptions& svd) {
  return {with_sign_part(norms::ky_fan_dual(k, svd), alpha, eta, k), step};
}
LmoSettings schatten_descent(double p, const LmoStepOptions& step) { return {norms::schatten(p), step}; }
LmoSettings dion(norms::Rank k, const LmoStepOptions& step, int64_t passes) { return {norms::dion(k, passes), step}; }
LmoSettings cosmos(const LmoStepOptions& step, const linalg::NewtonSchulzOptions& ns) { return muon(step, ns); }
LmoSettings nsgd(const LmoStepOptions& step) { return {norms::frobenius(), step}; }
LmoSettings signum(const LmoStepOptions& step) { return {norms::max_entry(), step}; }
LmoSettings sign_sgd(LmoStepOptions step) {
  step.momentum = 0, step.nesterov = false;
  return signum(step);
}
AdamWOptions adam(AdamWOptions options) {
  options.weight_decay = 0;
  return options;
}
LmoSettings gauss_southwell(const LmoStepOptions& step) { return {norms::entry_sum(), step}; }
LmoSettings sgd(const LmoStepOptions& step, double lambda) { return {norms::sgd(lambda), step}; }
LmoSettings kernel_neon(const LmoStepOptions& step, double lambda, const norms::TripletOptions& svd) {
  return {norms::kernel_neon(lambda, svd), step};
}
LmoSettings f_star_neon(norms::FStarForm form, const LmoStepOptions& step, double lambda,
                        const norms::TripletOptions& svd) {
  return {norms::f_star_neon(form, lambda, svd), step};
}

}  // namespace fanion::optim

#include "fanion/norms/registry.h"

#include <ATen/TensorOperators.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

TEST(RegistryTexts, NewtonSchulzOptionsAreForTheResidualThatTakesThem) {
  EXPECT_VALUE_ERROR(rule_from_name("d-fanion:k=2,ns_steps=2"), "'d-fanion' has no option 'ns_steps'");
  EXPECT_VALUE_ERROR(rule_from_name("d-fanion:k=2,residual=newton"),
                     "choose one of: sign, row_norm, col_norm, frobenius, clip, newton_schulz");
  EXPECT_NE(rule_from_name("d-fanion:k=2,residual=newton_schulz")->name().find("ns_steps=2"), std::string::npos);
}

TEST(RegistryTexts, AlphaOutsideTheUnitIntervalGivesARuleButNoNorm) {
  const auto M = random_normal(8, 6, 112);
  for (const std::string alpha : {"1.5", "-0.1"}) {
    const auto text = "f-neon:svd=dense,alpha=" + alpha;
    const double a = std::stod(alpha);
    const auto exact = -a * flattened_top(M, 1) - (1 - a) * M / frobenius_norm(M);
    EXPECT_LE(relative_error(to_dense(rule_from_name(text)->direction(M), M), exact), 1e-13) << text;
    EXPECT_VALUE_ERROR(norm_from_name(text), "is a rule but no norm");
  }
  for (const std::string alpha : {"0", "0.5", "1"}) EXPECT_NO_THROW(norm_from_name("f-neon:alpha=" + alpha));
  EXPECT_VALUE_ERROR(norm_from_name("d-fanion:k=1"), "is a rule but no norm");
  EXPECT_VALUE_ERROR(norm_from_name("0.5*nuclear + 0.5*d-fanion:k=1"), "is a rule but no norm");
}

TEST(RegistryTexts, NamesTakeHyphensAndUnderscores) {
  for (const auto& [other, text] : std::vector<std::pair<std::string, std::string>>{
           {"f_muon:alpha=0.3", "f-muon:alpha=0.3"},
           {"ky-fan-dual:k=4", "ky_fan_dual:k=4"},
           {"d_fanion:k=2,residual=row-norm", "d-fanion:k=2,residual=row_norm"},
           {"muon:ns-steps=5,ns-coefficients=polar_express_1.02", "muon:ns_steps=5,ns_coefficients=polar-express-1.02"},
           {"spectral:polar=newton-schulz", "spectral:polar=newton_schulz"},
           {"0.5*max-entry + 0.5*s_muon", "0.5*max_entry + 0.5*s-muon"}})
    EXPECT_EQ(rule_from_name(other)->name(), rule_from_name(text)->name()) << other;
}

TEST(RegistryTexts, ErrorsSayWhatWasNearlyWritten) {
  EXPECT_VALUE_ERROR(rule_from_name("muoon"), "unknown rule 'muoon' (did you mean 'muon'?); choose one of: ");
  EXPECT_VALUE_ERROR(rule_from_name("moun"), "(did you mean 'muon'?)");
  EXPECT_VALUE_ERROR(rule_from_name("fmuon"), "(did you mean 'f-muon'?)");
  EXPECT_VALUE_ERROR(rule_from_name("schaten:p=3"), "(did you mean 'schatten'?)");
  EXPECT_VALUE_ERROR(rule_from_name("fanion:k=2,oversamples=3"),
                     "'oversamples' (did you mean 'oversample'?); it takes");
  EXPECT_VALUE_ERROR(rule_from_name("neon:svd=lanzcos"), "(did you mean 'lanczos'?)");
  EXPECT_VALUE_ERROR(rule_from_name("muon:ns_coefficients=polar-expres"), "(did you mean 'polar-express'?)");
}

TEST(RegistryTexts, ErrorsNameWhatWasGivenAndWhatExists) {
  EXPECT_VALUE_ERROR(rule_from_name("adam"), "unknown rule 'adam'; choose one of: ");
  EXPECT_VALUE_ERROR(rule_from_name(""), "choose one of");
  EXPECT_VALUE_ERROR(rule_from_name("neon:k=3"), "has no option 'k'; it takes: oversample, passes, svd");
  EXPECT_VALUE_ERROR(rule_from_name("nsgd:k=3"), "it takes none");
  EXPECT_VALUE_ERROR(rule_from_name("neon:svd=arpack"), "'arpack'; choose one of: auto, block_krylov, ");
  EXPECT_VALUE_ERROR(rule_from_name("neon:svd=dense,passes=3"), "has no option 'passes'; it takes: svd");
  EXPECT_VALUE_ERROR(rule_from_name("spectral:ns_steps=3"), "has no option 'ns_steps'; it takes: polar");
  EXPECT_VALUE_ERROR(rule_from_name("neon:passes"), "expected key=value");
  EXPECT_VALUE_ERROR(rule_from_name("neon:passes=2,passes=3"), "given twice");
  EXPECT_VALUE_ERROR(rule_from_name("neon:passes=0"), "passes = 0 must lie in 1 to 1000000");
  EXPECT_VALUE_ERROR(rule_from_name("neon:passes=2.5"), "must be an integer");
  EXPECT_VALUE_ERROR(rule_from_name("neon:oversample=-1"), "oversample = -1 must lie in 0 to 1000000");
  EXPECT_VALUE_ERROR(rule_from_name("fanion:k=0"), "at least 1");
  EXPECT_VALUE_ERROR(rule_from_name("ky_fan:k=0"), "at least 1");
  EXPECT_VALUE_ERROR(rule_from_name("scaled_max_entry:k=0"), "at least 1");
  EXPECT_VALUE_ERROR(rule_from_name("s-fanion:k=3,scale=inf"), "finite number");
  EXPECT_VALUE_ERROR(rule_from_name("s-muon:scale=1,eta=0.01"), "not both");
  EXPECT_VALUE_ERROR(rule_from_name("schatten:p=0.5"), "p = 0.5 is out of range: a Schatten norm has p in [1, inf]");
  EXPECT_VALUE_ERROR(rule_from_name("schatten:p=-inf"), "must be a finite number or inf, got '-inf'");
  EXPECT_VALUE_ERROR(rule_from_name("schatten:p=nan"), "must be a finite number or inf, got 'nan'");
  EXPECT_VALUE_ERROR(rule_from_name("schatten:p=4,k=2"), "has no option 'k'; it takes: p");
  EXPECT_VALUE_ERROR(rule_from_name("d-fanion:k=-1"), "must not be negative");
  EXPECT_VALUE_ERROR(rule_from_name("d-fanion:k=1,residual=cut"), "sign, row_norm, col_norm, frobenius, clip");
  EXPECT_VALUE_ERROR(rule_from_name("muon:polar=qr"), "exact, newton_schulz");
  EXPECT_VALUE_ERROR(rule_from_name("muon:ns_steps=0"), "1 to 99");
  EXPECT_VALUE_ERROR(rule_from_name("muon:ns_coefficients=1/2"), "triples");
  EXPECT_VALUE_ERROR(rule_from_name("muon:ns_coefficients=polar"), "quintic, cubic-damped");
  EXPECT_VALUE_ERROR(rule_from_name("muon:ns_coefficients=you,ns_steps=6"), "'you' has 5 steps, not 6");
  EXPECT_VALUE_ERROR(rule_from_name("muon:ns_form=fast"), "auto, direct, gram");
  EXPECT_VALUE_ERROR(rule_from_name("muon:ns_dtype=int8"), "float32, float64, bfloat16");
  EXPECT_VALUE_ERROR(rule_from_name("muon:eps=-1"), "must not be negative");
  EXPECT_VALUE_ERROR(rule_from_name("f-muon:alpha=nan"), "finite number");
  EXPECT_VALUE_ERROR(rule_from_name("x*neon"), "the weight before '*'");
  EXPECT_VALUE_ERROR(rule_from_name("neon + "), "choose one of");
}

}  // namespace
}  // namespace fanion::norms

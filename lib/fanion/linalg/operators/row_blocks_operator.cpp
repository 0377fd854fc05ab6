#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include <cmath>

#include "fanion/linalg/operators/operator_parts.h"

namespace fanion::linalg {
namespace {

int64_t rows_of_blocks(const std::vector<OperatorPtr>& blocks) {
  first_of(blocks, "a row-block operator");
  int64_t rows = 0;
  for (const auto& block : blocks) rows += block->rows();
  return rows;
}

}  // namespace

RowBlocksOperator::RowBlocksOperator(std::vector<OperatorPtr> blocks)
    : LinearOperator{rows_of_blocks(blocks), blocks[0]->cols(), blocks[0]->options()}, blocks_(std::move(blocks)) {
  for (std::size_t i = 1; i < blocks_.size(); ++i) {
    TORCH_CHECK_VALUE(blocks_[i]->cols() == cols() && same_kind(*blocks_[i], *this), "row block ", i, " is ",
                      described(*blocks_[i]), "; row block 0 is ", described(*blocks_[0]));
  }
}

int64_t RowBlocksOperator::entries() const {
  int64_t sum = 0;
  for (const auto& block : blocks_) sum += block->entries();
  return sum;
}

at::Tensor RowBlocksOperator::product(const at::Tensor& V) const {
  std::vector<at::Tensor> products;
  for (const auto& block : blocks_) products.push_back(block->apply(V));
  return at::cat(products);
}

at::Tensor RowBlocksOperator::adjoint_product(const at::Tensor& U) const {
  at::Tensor sum;
  int64_t row = 0;
  for (const auto& block : blocks_) {
    const auto part = block->apply_adjoint(U.narrow(0, row, block->rows()));
    sum = sum.defined() ? sum + part : part;
    row += block->rows();
  }
  return sum;
}

at::Tensor RowBlocksOperator::to_dense() const {
  std::vector<at::Tensor> parts;
  for (const auto& block : blocks_) parts.push_back(block->to_dense());
  return at::cat(parts);
}

double RowBlocksOperator::rounding_scale() const {
  double squares = 0;
  for (const auto& block : blocks_) squares += std::pow(block->rounding_scale(), 2);
  return std::sqrt(squares);
}

at::Tensor RowBlocksOperator::product_in_double(const at::Tensor& V) const {
  std::vector<at::Tensor> products;
  for (const auto& block : blocks_) {
    products.push_back(block->apply_in_double(V));
    if (!products.back().defined()) return {};
  }
  return at::cat(products);
}

at::Tensor RowBlocksOperator::adjoint_product_in_double(const at::Tensor& U) const {
  at::Tensor sum;
  int64_t row = 0;
  for (const auto& block : blocks_) {
    const auto part = block->apply_adjoint_in_double(U.narrow(0, row, block->rows()));
    if (!part.defined()) return {};
    sum = sum.defined() ? sum + part : part;
    row += block->rows();
  }
  return sum;
}

}  // namespace fanion::linalg

#include "cuda/phases/softmax_cross_entropy.cuh"

#include "cuda/table.h"

namespace densor::cuda {

namespace {

void softmax_cross_entropy(const Queue& queue, const LossRows& p, float* correct) {
  with_team(p.cols, [&](auto team) {
    launch_loss(queue, SoftmaxCrossEntropy<decltype(team)>{p, correct, queue.batch}, team.blocks(p.rows),
                span(correct, p.rows));
  });
}

}  // namespace

void fill_softmax_cross_entropy(Launchers& table) { table.softmax_cross_entropy = softmax_cross_entropy; }

}  // namespace densor::cuda

#include "src/diffusion/solvers.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "dist/error.hpp"
#include "src/diffusion/vp_sde.hpp"
#include "src/random/philox.hpp"

namespace lapatlas {

namespace {

constexpr std::int64_t kSamples = 8000;

at::Tensor normals(std::int64_t rows, std::int64_t columns, std::uint64_t seed, std::uint32_t step) {
    const PlacedRandom random(seed, RandomStream::kGenerateNoise);
    at::Tensor out = at::empty({rows, columns}, at::kDouble);
    for (std::int64_t i = 0; i < rows; ++i)
        random.fill_normals(static_cast<std::uint64_t>(i), step, out.data_ptr<double>() + i * columns,
                            columns);
    return out;
}

/// A mixture of Gaussians in two dimensions, scaled so that it has about unit variance, as latents have.
struct Mixture {
    struct Component {
        double weight;
        double mean[2];
        double root[2][2];  // lower triangular: covariance = root root^T
    };
    std::vector<Component> components{{0.5, {-1.1, -0.3}, {{0.35, 0}, {0.2, 0.25}}},
                                      {0.3, {1.0, 0.9}, {{0.3, 0}, {-0.25, 0.3}}},
                                      {0.2, {0.9, -1.2}, {{0.2, 0}, {0, 0.5}}}};

    static at::Tensor vector2(const double (&v)[2]) { return at::tensor({v[0], v[1]}, at::kDouble); }
    static at::Tensor covariance(const Component& c) {
        const at::Tensor root =
            at::tensor({c.root[0][0], c.root[0][1], c.root[1][0], c.root[1][1]}, at::kDouble).view({2, 2});
        return root.matmul(root.t());
    }

    /// Log density of each component of the diffused mixture at z, weights included: [n, components].
    at::Tensor log_joint(const at::Tensor& z, double t) const {
        std::vector<at::Tensor> parts;
        for (const Component& c : components) {
            const at::Tensor s = diffused_covariance(c, t);
            const at::Tensor centred = z - vector2(c.mean) * vp_alpha(t);
            const at::Tensor square = (centred.matmul(at::inverse(s)) * centred).sum(1);
            parts.push_back(std::log(c.weight) - 0.5 * square - 0.5 * at::log(at::det(s)));
        }
        return at::stack(parts, 1);
    }
    static at::Tensor diffused_covariance(const Component& c, double t) {
        return covariance(c) * std::pow(vp_alpha(t), 2) + at::eye(2, at::kDouble) * std::pow(vp_sigma(t), 2);
    }
    /// -sigma times the exact score.
    at::Tensor noise(const at::Tensor& z, double t) const {
        const at::Tensor responsibility = at::softmax(log_joint(z, t), 1);
        at::Tensor eps = at::zeros_like(z);
        for (std::size_t k = 0; k < components.size(); ++k) {
            const Component& c = components[k];
            const at::Tensor pull =
                (z - vector2(c.mean) * vp_alpha(t)).matmul(at::inverse(diffused_covariance(c, t)));
            eps += responsibility.select(1, static_cast<std::int64_t>(k)).unsqueeze(1) * pull;
        }
        return eps * vp_sigma(t);
    }
    at::Tensor sample(std::int64_t count, std::uint64_t seed) const {
        const PlacedRandom random(seed, RandomStream::kSimulate);
        const at::Tensor noise = normals(count, 2, seed, 1u << 20);
        at::Tensor out = at::empty({count, 2}, at::kDouble);
        const double* xi = noise.data_ptr<double>();
        double* z = out.data_ptr<double>();
        for (std::int64_t i = 0; i < count; ++i) {
            double u = random.uniform(static_cast<std::uint64_t>(i));
            std::size_t k = 0;
            while (k + 1 < components.size() && u >= components[k].weight) u -= components[k++].weight;
            const Component& c = components[k];
            z[2 * i] = c.mean[0] + c.root[0][0] * xi[2 * i];
            z[2 * i + 1] = c.mean[1] + c.root[1][0] * xi[2 * i] + c.root[1][1] * xi[2 * i + 1];
        }
        return out;
    }
    at::Tensor mean() const {
        at::Tensor sum = at::zeros({2}, at::kDouble);
        for (const Component& c : components) sum += vector2(c.mean) * c.weight;
        return sum;
    }
    at::Tensor total_covariance() const {
        at::Tensor sum = -at::outer(mean(), mean());
        for (const Component& c : components)
            sum += (covariance(c) + at::outer(vector2(c.mean), vector2(c.mean))) * c.weight;
        return sum;
    }
};

/// Sliced 2-Wasserstein distance of two samples of one size, over 32 directions.
double sliced_w2(const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor angles = at::arange(32, at::kDouble) * (std::acos(-1.0) / 32);
    const at::Tensor directions = at::stack({at::cos(angles), at::sin(angles)}, 0);
    const at::Tensor sorted_a = std::get<0>(at::sort(a.matmul(directions), 0));
    const at::Tensor sorted_b = std::get<0>(at::sort(b.matmul(directions), 0));
    return std::sqrt((sorted_a - sorted_b).square().mean().item<double>());
}

at::Tensor covariance_of(const at::Tensor& z) {
    const at::Tensor centred = z - z.mean(0);
    return centred.t().matmul(centred) / static_cast<double>(z.size(0));
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

at::Tensor solve_mixture(Solver solver, int steps, const Mixture& mixture,
                         const ForwardProcess& process = ForwardProcess::continuous(5)) {
    return solve(
        solver, [&](const at::Tensor& z, double t) { return mixture.noise(z, t); },
        normals(kSamples, 2, 1, 1u << 21), steps, process,
        [](int step) { return normals(kSamples, 2, 2, static_cast<std::uint32_t>(step)); });
}

void expect_sample_of(const at::Tensor& z, const Mixture& mixture) {
    // The distance of two direct samples of this size is about 0.03 to 0.05.
    const double floor = sliced_w2(mixture.sample(kSamples, 31), mixture.sample(kSamples, 32));
    EXPECT_LT(sliced_w2(z, mixture.sample(kSamples, 33)), 0.02 + 1.5 * floor);
    // Five standard errors of about 1 / sqrt(8000), and as much for what the steps lose.
    EXPECT_LT(largest(z.mean(0) - mixture.mean()), 0.06);
    EXPECT_LT(largest(covariance_of(z) - mixture.total_covariance()), 0.06);
    const at::Tensor modes = mixture.log_joint(z, 1e-9).argmax(1);
    const at::Tensor direct = mixture.log_joint(mixture.sample(kSamples, 34), 1e-9).argmax(1);
    for (int k = 0; k < 3; ++k)
        EXPECT_NEAR(modes.eq(k).to(at::kDouble).mean().item<double>(),
                    direct.eq(k).to(at::kDouble).mean().item<double>(), 0.03);
}

}  // namespace

TEST(Solvers, DpmSolverSamplesTheMixtureInTwentySteps) {
    const Mixture mixture;
    expect_sample_of(solve_mixture(Solver::kDpmpp2m, 20, mixture), mixture);
}

TEST(Solvers, DdimSamplesTheMixture) {
    const Mixture mixture;
    expect_sample_of(solve_mixture(Solver::kDdim, 100, mixture), mixture);
}

TEST(Solvers, EulerMaruyamaSamplesTheMixture) {
    const Mixture mixture;
    expect_sample_of(solve_mixture(Solver::kEulerMaruyama, 300, mixture), mixture);
}

// The checks above do tell a wrong sampler: five steps of the first-order solver are not enough.
TEST(Solvers, TheMixtureChecksTellABadSampler) {
    const Mixture mixture;
    const double floor = sliced_w2(mixture.sample(kSamples, 31), mixture.sample(kSamples, 32));
    EXPECT_GT(sliced_w2(solve_mixture(Solver::kDdim, 5, mixture), mixture.sample(kSamples, 33)),
              0.02 + 1.5 * floor);
}

// With the exact noise of N(0, s^2) the paths of the probability flow are known: z_0 = z_T s / sqrt(alpha^2
// s^2 + sigma^2). Halving the step divides the error by 2 (ddim) and by 4 (dpmpp_2m). The last step, from
// kShortestTime to the mean, is the same at every step size; it is undone before comparing.
TEST(Solvers, OrdersOfConvergence) {
    constexpr double kSpread = 0.5;
    const auto variance = [](double t) {
        return std::pow(vp_alpha(t) * kSpread, 2) + std::pow(vp_sigma(t), 2);
    };
    const NoisePredictor predict = [&](const at::Tensor& z, double t) {
        return z * (vp_sigma(t) / variance(t));
    };
    const double last_step = vp_alpha(kShortestTime) * kSpread * kSpread / variance(kShortestTime);
    const double exact = std::sqrt(variance(kShortestTime) / variance(5.0)) * last_step;
    const auto error = [&](Solver solver, int steps) {
        const at::Tensor z =
            solve(solver, predict, at::ones({1, 1}, at::kDouble), steps, ForwardProcess::continuous(5), {});
        return std::abs(z.item<double>() - exact);
    };
    const double first_order = error(Solver::kDdim, 101) / error(Solver::kDdim, 201);
    EXPECT_GT(first_order, 1.8);
    EXPECT_LT(first_order, 2.2);
    const double second_order = error(Solver::kDpmpp2m, 101) / error(Solver::kDpmpp2m, 201);
    EXPECT_GT(second_order, 3.5);
    EXPECT_LT(second_order, 4.5);
    EXPECT_LT(error(Solver::kDpmpp2m, 20), error(Solver::kDdim, 100));
}

// One step from T to 0 by hand, for each solver: no noise is asked for.
TEST(Solvers, OneStepByHand) {
    const NoisePredictor half = [](const at::Tensor& z, double) { return z * 0.5; };
    const at::Tensor start = at::full({1, 1}, 2.0, at::kDouble);
    const double t = 0.7, data = (2 - vp_sigma(t)) / vp_alpha(t);
    const ForwardProcess once = ForwardProcess::continuous(t);
    EXPECT_NEAR(solve(Solver::kDdim, half, start, 1, once, {}).item<double>(), data, 1e-12);
    EXPECT_NEAR(solve(Solver::kDpmpp2m, half, start, 1, once, {}).item<double>(), data, 1e-12);
    EXPECT_NEAR(solve(Solver::kEulerMaruyama, half, start, 1, once, {}).item<double>(),
                2 + (2 - 2 / vp_sigma(t)) * t, 1e-12);
    EXPECT_THROW(solve(Solver::kDdim, half, start, 0, once, {}), ConfigError);
    EXPECT_EQ(solver_from_name("ddim"), Solver::kDdim);
    EXPECT_THROW(solver_from_name("heun"), ConfigError);
}

TEST(Solvers, NoiseIsAskedForOnceAStepButTheLast) {
    std::vector<int> asked;
    const StepNoise noise = [&](int step) {
        asked.push_back(step);
        return at::zeros({1, 1}, at::kDouble);
    };
    const NoisePredictor predict = [](const at::Tensor& z, double) { return z; };
    solve(Solver::kEulerMaruyama, predict, at::ones({1, 1}, at::kDouble), 4, ForwardProcess::continuous(5),
          noise);
    EXPECT_EQ(asked, (std::vector<int>{0, 1, 2}));
}

TEST(Guidance, CombinesPredictionsAndSkipsWhatHasNoWeight) {
    int conditional_calls = 0, null_calls = 0;
    const NoisePredictor conditional = [&](const at::Tensor& z, double t) {
        ++conditional_calls;
        return z * t;
    };
    const NoisePredictor null = [&](const at::Tensor& z, double) {
        ++null_calls;
        return z * 10;
    };
    const at::Tensor z = at::ones({1, 1}, at::kDouble);
    EXPECT_EQ(guided(conditional, null, 0)(z, 3).item<double>(), 3);
    EXPECT_EQ(conditional_calls, 1);
    EXPECT_EQ(null_calls, 0);
    EXPECT_EQ(guided(conditional, null, -1)(z, 3).item<double>(), 10);
    EXPECT_EQ(conditional_calls, 1);
    EXPECT_EQ(null_calls, 1);
    EXPECT_EQ(guided(conditional, null, 0.5)(z, 3).item<double>(), 1.5 * 3 - 0.5 * 10);
}

TEST(ForwardProcess, AStepIsTheTimeWithItsNoise) {
    const DdpmSchedule schedule(1000, 1e-4, 0.02);
    const ForwardProcess process = ForwardProcess::discrete(schedule);
    for (const std::int64_t step : {1, 500, 1000}) {
        const double t = time_of_step(schedule, step);
        EXPECT_NEAR(vp_alpha(t) * vp_alpha(t), schedule.alpha_bar(step), 1e-14);
        EXPECT_NEAR(vp_sigma(t) * vp_sigma(t), 1 - schedule.alpha_bar(step), 1e-14);
    }
    EXPECT_DOUBLE_EQ(process.longest(), time_of_step(schedule, 1000));
    // All steps are as likely in training, whatever train.times says.
    EXPECT_DOUBLE_EQ(process.training_time(0.0001, TrainingTimes::kLogSnr), time_of_step(schedule, 1));
    EXPECT_DOUBLE_EQ(process.training_time(0.4995, TrainingTimes::kUniform), time_of_step(schedule, 500));
    EXPECT_DOUBLE_EQ(process.training_time(0.99999, TrainingTimes::kLogSnr), time_of_step(schedule, 1000));
    EXPECT_DOUBLE_EQ(ForwardProcess::continuous(5).training_time(0.5, TrainingTimes::kUniform),
                     training_time(0.5, TrainingTimes::kUniform, 5));
    EXPECT_THROW(ForwardProcess::continuous(0), ConfigError);
}

// The published chain of a discrete process, and the fast solvers on the same.
TEST(Solvers, OfADiscreteProcess) {
    const Mixture mixture;
    const ForwardProcess process = ForwardProcess::discrete(DdpmSchedule(1000, 1e-4, 0.02));
    expect_sample_of(solve_mixture(Solver::kAncestral, 0, mixture, process), mixture);
    expect_sample_of(solve_mixture(Solver::kDpmpp2m, 20, mixture, process), mixture);
    EXPECT_THROW(solve_mixture(Solver::kAncestral, 20, mixture), ConfigError);
}

}  // namespace lapatlas

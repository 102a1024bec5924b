/* The same work by an expert: sizes known to the compiler (-DSIZES=64,32,10 -DLAYERS=2), nothing aliases, and the
   sum for the layer below is taken from a weight in the same loop that updates it. */
#include <math.h>

#define INLINE static inline __attribute__((always_inline))
enum { LINE = 64 };
static const int size[] = {SIZES};

INLINE void forward(int n, int m, const double *restrict w, const double *restrict in, double *restrict out)
{
    const double *restrict b = w + m * n;
    for (int j = 0; j < m; j++) {
        double net = b[j];
        for (int i = 0; i < n; i++) net += w[j * n + i] * in[i];
        out[j] = net;
    }
    for (int j = 0; j < m; j++) out[j] = 1.0 / (1.0 + exp(-out[j]));
}

INLINE void backward(int n, int m, double *restrict w, const double *restrict in, const double *restrict delta,
                     double *restrict below, double eta, int first)
{
    for (int i = 0; i < n; i++) below[i] = 0.0;
    for (int j = 0; j < m; j++) {
        double d = delta[j], step = eta * d;
        for (int i = 0; i < n; i++) {
            if (!first) below[i] += w[j * n + i] * d;
            w[j * n + i] -= step * in[i];
        }
        w[m * n + j] -= step;
    }
    if (!first)
        for (int i = 0; i < n; i++) below[i] *= in[i] * (1.0 - in[i]);
}

void train(int layers, const int *sizes, double *weights, const double *rows, long count, double eta)
{
    (void)layers, (void)sizes;
    _Alignas(LINE) static double o[LAYERS + 1][1024], delta[LAYERS + 1][1024];
    const int nin = size[0], nout = size[LAYERS];
    for (long r = 0; r < count; r++) {
        const double *restrict x = rows + r * (nin + nout), *restrict t = x + nin;
        double *w = weights;
#pragma GCC unroll 8
        for (int l = 0; l < LAYERS; l++) {
            forward(size[l], size[l + 1], w, l ? o[l] : x, o[l + 1]);
            w += size[l + 1] * (size[l] + 1);
        }
        for (int k = 0; k < nout; k++)
            delta[LAYERS][k] = -2.0 * (t[k] - o[LAYERS][k]) * o[LAYERS][k] * (1.0 - o[LAYERS][k]);
#pragma GCC unroll 8
        for (int l = LAYERS - 1; l >= 0; l--) {
            w -= size[l + 1] * (size[l] + 1);
            backward(size[l], size[l + 1], w, l ? o[l] : x, delta[l + 1], delta[l], eta, l == 0);
        }
    }
}

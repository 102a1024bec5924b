/* Per-sample gradient descent on a sigmoid network, as one writes it: sizes at run time, one loop for each sum. */
#include <math.h>
#include <stdlib.h>

void train(int layers, const int *sizes, double *weights, const double *rows, long count, double eta)
{
    int widest = 0, units = 0;
    for (int l = 0; l <= layers; l++) {
        units += sizes[l];
        if (sizes[l] > widest) widest = sizes[l];
    }
    double *o = malloc(units * sizeof(double));
    double *delta = malloc(widest * sizeof(double)), *below = malloc(widest * sizeof(double));
    int nin = sizes[0], nout = sizes[layers];
    for (long r = 0; r < count; r++) {
        const double *x = rows + r * (nin + nout), *t = x + nin;
        double *in = o, *w = weights;
        for (int i = 0; i < nin; i++) in[i] = x[i];
        for (int l = 0; l < layers; l++) {                       /* forward: all weights of a layer, then its biases */
            int n = sizes[l], m = sizes[l + 1];
            double *out = in + n, *b = w + m * n;
            for (int j = 0; j < m; j++) {
                double net = 0.0;
                for (int i = 0; i < n; i++) net += w[j * n + i] * in[i];
                out[j] = 1.0 / (1.0 + exp(-(net + b[j])));
            }
            in = out;
            w = b + m;
        }
        for (int k = 0; k < nout; k++) delta[k] = -2.0 * (t[k] - in[k]) * in[k] * (1.0 - in[k]);
        for (int l = layers - 1; l >= 0; l--) {                  /* backward, then the update of the layer */
            int n = sizes[l], m = sizes[l + 1];
            w -= m * n + m;
            in -= n;
            if (l > 0)
                for (int i = 0; i < n; i++) {
                    double s = 0.0;
                    for (int j = 0; j < m; j++) s += w[j * n + i] * delta[j];
                    below[i] = s * in[i] * (1.0 - in[i]);
                }
            for (int j = 0; j < m; j++) {
                for (int i = 0; i < n; i++) w[j * n + i] -= eta * delta[j] * in[i];
                w[m * n + j] -= eta * delta[j];
            }
            double *swap = delta;
            delta = below;
            below = swap;
        }
    }
    free(o);
    free(delta);
    free(below);
}

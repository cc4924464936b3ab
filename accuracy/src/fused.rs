//! Linear layers whose bias and activation are applied in place, without a tensor between.

use crate::Result;
use crate::attention::exp;
use candle_core::{CpuStorage, InplaceOp2, Layout, Tensor, bail};
use candle_nn::Linear;

/// What is done to the outputs of a linear layer once its bias was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activation {
    None,
    Gelu,
}

/// A linear layer: x·Wᵀ + b, [..., inputs] to [..., outputs].
///
/// # Errors
/// `x` has another last dimension.
pub(crate) fn linear(layer: &Linear, x: &Tensor) -> Result<Tensor> {
    applied(layer, x, Activation::None)
}

/// A linear layer with x·Φ(x) after it (Hendrycks and Gimpel, "Gaussian Error Linear Units",
/// 2016, section 2).
///
/// # Errors
/// `x` has another last dimension.
pub(crate) fn linear_gelu(layer: &Linear, x: &Tensor) -> Result<Tensor> {
    applied(layer, x, Activation::Gelu)
}

fn applied(layer: &Linear, x: &Tensor, activation: Activation) -> Result<Tensor> {
    let (outputs, inputs) = layer.weight().dims2()?;
    let rows = x.reshape(((), inputs))?;
    let product = rows.matmul(&layer.weight().t()?)?;
    let none;
    let bias = match layer.bias() {
        Some(bias) => bias,
        None => {
            none = Tensor::zeros(outputs, x.dtype(), x.device())?;
            &none
        }
    };
    product.inplace_op2(bias, &activation)?;
    let mut shape = x.dims().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = outputs;
    }
    Ok(product.reshape(shape)?)
}

impl InplaceOp2 for Activation {
    fn name(&self) -> &'static str {
        "bias and activation"
    }

    fn cpu_fwd(
        &self,
        rows: &mut CpuStorage,
        rows_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (Some(rows_at), Some(bias_at)) = (
            rows_layout.contiguous_offsets(),
            bias_layout.contiguous_offsets(),
        ) else {
            bail!("{} of values that are not contiguous", self.name());
        };
        let (CpuStorage::F32(rows), CpuStorage::F32(bias)) = (rows, bias) else {
            bail!("{} in another type than single precision", self.name());
        };
        let bias = &bias[bias_at.0..bias_at.1];
        for row in rows[rows_at.0..rows_at.1].chunks_exact_mut(bias.len()) {
            match self {
                Activation::None => row.iter_mut().zip(bias).for_each(|(x, b)| *x += b),
                Activation::Gelu => row
                    .iter_mut()
                    .zip(bias)
                    .for_each(|(x, b)| *x = gelu(*x + b)),
            }
        }
        Ok(())
    }
}

/// x·Φ(x) = max(x, 0) - |x|·Φ(-|x|), with Φ(-|x|) = erfc(|x| / √2) / 2 and erfc by equation 7.1.26
/// of Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, whose error is at most
/// 1.5e-7. Written without a branch, so that the compiler makes vectors of it: with the
/// scalar erf of libm about a third of an encoder's time was spent here.
fn gelu(x: f32) -> f32 {
    const P: f32 = 0.327_591_1;
    const A: [f32; 5] = [
        1.061_405_4,
        -1.453_152,
        1.421_413_7,
        -0.284_496_74,
        0.254_829_6,
    ];
    let magnitude = x.abs();
    let z = magnitude * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + P * z);
    let polynomial = A.iter().fold(0.0, |sum, a| sum * t + a) * t;
    let tail = 0.5 * polynomial * exp(-0.5 * magnitude * magnitude);
    x.max(0.0) - magnitude * tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use candle_core::cpu::erf::erf_f64;
    use candle_nn::Module;

    /// Single-precision numbers from -30 to 30, dense around 0.
    fn samples() -> impl Iterator<Item = f32> {
        let wide = (-300_000..=300_000).map(|i| i as f32 * 1e-4);
        let narrow = (0..2_000).flat_map(|i| {
            let small = 2.0_f32.powf(-i as f32 / 16.0);
            [small, -small]
        });
        wide.chain(narrow)
    }

    #[test]
    fn gelu_is_within_3e_7() {
        let mut largest = 0.0_f64;
        for x in samples() {
            let wide = f64::from(x);
            let exact = 0.5 * wide * (1.0 + erf_f64(wide / 2.0_f64.sqrt()));
            // Values over 1 cannot be told more exactly than to their last bit.
            let error = (f64::from(gelu(x)) - exact).abs() / exact.abs().max(1.0);
            assert!(error < 3e-7, "gelu({x}) is off by {error:e}");
            largest = largest.max(error);
        }
        assert!(largest > 1e-9, "the test compares nothing");
        for (x, exact) in [(0.0, 0.0), (-0.0, 0.0), (1e6, 1e6), (-1e6, 0.0)] {
            assert!((gelu(x) - exact).abs() < 1e-30);
        }
        assert!(gelu(f32::NAN).is_nan());
    }

    #[test]
    fn linear_layers_are_those_of_the_library() {
        let random = |shape: &[usize]| Tensor::randn(0.0_f32, 1.0, shape, &Device::Cpu).unwrap();
        let x = random(&[3, 5, 7]);
        for bias in [Some(random(&[4])), None] {
            let layer = Linear::new(random(&[4, 7]), bias);
            let wanted = layer.forward(&x).unwrap();
            for (found, wanted) in [
                (linear(&layer, &x).unwrap(), wanted.clone()),
                (linear_gelu(&layer, &x).unwrap(), wanted.gelu_erf().unwrap()),
            ] {
                assert_eq!(found.dims(), [3, 5, 4]);
                let difference = (found - wanted).unwrap().abs().unwrap();
                let largest = difference.flatten_all().unwrap().max(0).unwrap();
                assert!(largest.to_scalar::<f32>().unwrap() < 1e-6);
            }
        }
    }
}

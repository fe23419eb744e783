//! Amounts as compose, Kubernetes and mounts write them: `64m`, `1Gi`, `500m`, `1.5`, `50%`.

/// Whether an amount is more than nothing: a number above zero with its unit, and no variable.
pub(crate) fn is_amount(amount: &str) -> bool {
    let end = amount.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(amount.len());
    let (number, unit) = amount.split_at(end);
    number.parse::<f64>().is_ok_and(|number| number > 0.0)
        && unit.chars().all(|c| c.is_ascii_alphanumeric() || "%+-".contains(c))
}

/// Whether options of a tmpfs (`size=64m,mode=1777`) limit its size.
pub(crate) fn has_size(options: &str) -> bool {
    options.split(',').any(|option| option.strip_prefix("size=").is_some_and(is_amount))
}

#[cfg(test)]
mod tests {
    use super::{has_size, is_amount};

    #[test]
    fn nothing_is_no_amount_in_any_unit() {
        for amount in ["64m", "1Gi", "500m", "1.5", "50%", "1e3", "1e-1", "200"] {
            assert!(is_amount(amount), "{amount}");
        }
        for amount in ["", "0", "0.0", "0m", "0Mi", "-1", "${MEM}", "1${UNIT}", "max", "m"] {
            assert!(!is_amount(amount), "{amount}");
        }
        assert!(has_size("mode=1777,size=1m") && !has_size("size=0") && !has_size("nosuid") && !has_size("size=${S}"));
    }
}

/// The greatest common divisor; `gcd(0, b)` is `b`.
pub(crate) const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The least common multiple of two numbers that are not 0. `None`: it leaves 64 bits.
pub(crate) const fn lcm(a: u64, b: u64) -> Option<u64> {
    // Alignments mostly are powers of two, which need no division.
    if a.is_power_of_two() && b.is_power_of_two() {
        return Some(if a > b { a } else { b });
    }
    (a / gcd(a, b)).checked_mul(b)
}

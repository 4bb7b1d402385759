//! Names for the kernel's exact types in the OpenAPI document. Only their schemas are used; values are the kernel's own.

use utoipa::ToSchema;

/// An exact amount of money.
#[derive(ToSchema)]
#[schema(as = Money)]
#[expect(dead_code, reason = "stands for kernel::Money in the OpenAPI document")]
pub struct MoneySchema {
    /// Decimal text with at most the currency's digits, such as `12.50`.
    amount: String,
    /// ISO 4217 code.
    currency: String,
}

/// An exact quantity.
#[derive(ToSchema)]
#[schema(as = Quantity)]
#[expect(dead_code, reason = "stands for kernel::Quantity in the OpenAPI document")]
pub struct QuantitySchema {
    /// Decimal text.
    value: String,
    /// UN/ECE Rec 20 code.
    unit: String,
}

/// A half-open window of time.
#[derive(ToSchema)]
#[schema(as = Window)]
#[expect(dead_code, reason = "stands for kernel::Window in the OpenAPI document")]
pub struct WindowSchema {
    /// First moment inside.
    #[schema(format = DateTime)]
    from: String,
    /// First moment after.
    #[schema(format = DateTime)]
    to: String,
}

//! The endpoints: their paths, page sizes and parameters.

use crate::Entity;

/// One endpoint of the vendor's API.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub entity: Entity,
    pub path: &'static str,
    /// Records of a page when `take` does not say.
    pub default_take: u64,
    /// Most records of a page.
    pub max_take: u64,
    /// Parameters that select records by their own time: first, last.
    pub window: (&'static str, &'static str),
    /// Parameters that select records by a field: first, last, and the field's name anywhere in the document.
    pub filters: &'static [Filter],
    /// A part of the document that is `null` unless a parameter is `true`: parameter, field.
    pub on_request: &'static [(&'static str, &'static str)],
}

/// A pair of parameters that select records by a date in their document.
#[derive(Debug)]
pub(super) struct Filter {
    pub from: &'static str,
    pub to: &'static str,
    pub field: &'static str,
}

const fn filter(from: &'static str, to: &'static str, field: &'static str) -> Filter {
    Filter { from, to, field }
}

/// Every endpoint, one for each entity.
pub(super) static ENDPOINTS: [Endpoint; 4] = [
    Endpoint {
        entity: Entity::Members,
        path: "/api/v2/members",
        default_take: 50,
        max_take: 50,
        window: ("registerDateStart", "registerDateEnd"),
        filters: &[
            filter("conversionDateStart", "conversionDateEnd", "conversionDate"),
            filter("membershipStartDateStart", "membershipStartDateEnd", "startDate"),
            filter("membershipCancelDateStart", "membershipCancelDateEnd", "cancelDate"),
        ],
        on_request: &[("showMemberships", "memberships"), ("showsResponsibles", "responsibles")],
    },
    Endpoint {
        entity: Entity::Sales,
        path: "/api/v2/sales",
        default_take: 25,
        max_take: 100,
        window: ("dateSaleStart", "dateSaleEnd"),
        filters: &[
            filter("removalDateStart", "removalDateEnd", "removalDate"),
            filter("receivablesRegistrationDateStart", "receivablesRegistrationDateEnd", "registrationDate"),
        ],
        on_request: &[("showReceivables", "receivables")],
    },
    Endpoint {
        entity: Entity::Entries,
        path: "/api/v1/entries",
        default_take: 50,
        max_take: 1_000,
        window: ("registerDateStart", "registerDateEnd"),
        filters: &[],
        on_request: &[],
    },
    Endpoint {
        entity: Entity::Prospects,
        path: "/api/v1/prospects",
        default_take: 50,
        max_take: 50,
        window: ("registerDateStart", "registerDateEnd"),
        filters: &[filter("conversionDateStart", "conversionDateEnd", "conversionDate")],
        on_request: &[],
    },
];

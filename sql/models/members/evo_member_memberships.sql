-- grain: one row per contract of a member
-- source: stg_evo.members_raw
-- parent key: member_id
-- key: member_id, member_membership_id
select
    c.id as member_membership_id,
    s.member_id,
    evo.as_bigint(d."idMembership") as membership_id,
    coalesce(d."name", d."membershipName") as membership_name,
    evo.as_bigint(coalesce(d."idMemberMembershipRenewed", d."idMembershipRenewed")) as membership_renewed_id,
    evo.as_bigint(d."idSale") as sale_id,
    evo.as_timestamptz(d."saleDate", {zone}) as sale_date,
    evo.as_timestamptz(d."startDate", {zone}) as start_date,
    evo.as_timestamptz(d."endDate", {zone}) as end_date,
    evo.as_timestamptz(d."cancelDate", {zone}) as cancel_date,
    evo.as_timestamptz(d."cancelDateOn", {zone}) as cancel_date_on,
    evo.as_timestamptz(d."cancelCreationDate", {zone}) as cancel_creation_date,
    d."membershipStatus" as membership_status,
    evo.as_decimal(d."valueNextMonth") as value_next_month,
    evo.as_decimal(d."originalValue") as original_value,
    evo.as_timestamptz(d."nextCharge", {zone}) as next_charge,
    evo.as_timestamptz(d."nextDateSuspension", {zone}) as next_date_suspension,
    evo.as_bigint(d."idCategoryMembership") as category_membership_id,
    evo.as_timestamptz(d."loyaltyEndDate", {zone}) as loyalty_end_date,
    evo.as_timestamptz(d."assessmentEndDate", {zone}) as assessment_end_date,
    evo.as_timestamptz(d."acceptanceDate", {zone}) as acceptance_date,
    evo.as_int(d."numMembers") as num_members,
    evo.as_bool(d."flAllowLocker") as fl_allow_locker,
    evo.as_bool(d."flAdditionalMembership") as fl_additional_membership,
    evo.as_bool(d."allowLesMills") as allow_les_mills,
    evo.as_bool(d."allowsCancellationByApp") as allows_cancellation_by_app,
    evo.as_bool(d."signedTerms") as signed_terms,
    evo.as_bool(d.limitless) as limitless,
    evo.as_int(d."weeklyLimit") as weekly_limit,
    evo.as_int(d."bioimpedanceAmount") as bioimpedance_amount,
    evo.as_int(d."concludedSessions") as concluded_sessions,
    evo.as_int(d."pendingSessions") as pending_sessions,
    evo.as_int(d."scheduledSessions") as scheduled_sessions,
    evo.as_int(d."pendingRepositions") as pending_repositions,
    evo.as_int(d."repositionsTotal") as repositions_total,
    evo.as_int(d."bonusSessions") as bonus_sessions,
    evo.as_int(d."numberSuspensionTimes") as number_suspension_times,
    evo.as_int(d."maxSuspensionDays") as max_suspension_days,
    evo.as_int(d."minimumSuspensionDays") as minimum_suspension_days,
    evo.as_int(d."disponibleSuspensionDays") as disponible_suspension_days,
    evo.as_int(d."disponibleSuspensionTimes") as disponible_suspension_times,
    evo.as_int(d."daysLeftToFreeze") as days_left_to_freeze,
    d."contractPrinting" as contract_printing,
    d.freezes,
    d.sessions,
    s._loaded_at
from {source} s
cross join lateral (
    -- null, absent or no array: no children; of a repeated id the last
    select distinct on (e.id) e.id, e.value
    from (
        select evo.as_bigint(x.value ->> 'idMemberMembership') as id, x.value, x.position
        from jsonb_array_elements(case when jsonb_typeof(s.raw_data -> 'memberships') = 'array' then s.raw_data -> 'memberships' end)
            with ordinality as x (value, position)
        where jsonb_typeof(x.value) = 'object'
    ) e
    where e.id is not null
    order by e.id, e.position desc
) c
cross join lateral jsonb_to_record(c.value) as d (
    "idMembership" text, "name" text, "membershipName" text, "idMemberMembershipRenewed" text,
    "idMembershipRenewed" text, "idSale" text, "saleDate" text, "startDate" text, "endDate" text, "cancelDate" text,
    "cancelDateOn" text, "cancelCreationDate" text, "membershipStatus" text, "valueNextMonth" text,
    "originalValue" text, "nextCharge" text, "nextDateSuspension" text, "idCategoryMembership" text,
    "loyaltyEndDate" text, "assessmentEndDate" text, "acceptanceDate" text, "numMembers" text, "flAllowLocker" text,
    "flAdditionalMembership" text, "allowLesMills" text, "allowsCancellationByApp" text, "signedTerms" text,
    limitless text, "weeklyLimit" text, "bioimpedanceAmount" text, "concludedSessions" text, "pendingSessions" text,
    "scheduledSessions" text, "pendingRepositions" text, "repositionsTotal" text, "bonusSessions" text,
    "numberSuspensionTimes" text, "maxSuspensionDays" text, "minimumSuspensionDays" text,
    "disponibleSuspensionDays" text, "disponibleSuspensionTimes" text, "daysLeftToFreeze" text,
    "contractPrinting" text, freezes jsonb, sessions jsonb)

with traced as (
    select * from {{ ref('int_traced_episodes') }}
),

eligibility as (
    select * from {{ ref('int_patient_eligibility') }}
),

episodes as (
    select traced.*
    from traced
    inner join eligibility
        on
            traced.protocol_id = eligibility.protocol_id
            and traced.patient_id = eligibility.patient_id
    where eligibility.meets_diagnosis_rule and eligibility.meets_refractoriness_rule
),

received_alternate_drug as (
    select
        protocol_id,
        patient_id,
        'received_alternate_drug' as rule,
        'met' as outcome,
        arm_id,
        failed_era_start_date,
        failed_era_end_date,
        salvage_start_date,
        gap_days,
        'episode' as evidence,
        salvage_ingredient || ' began on ' || {{ as_text('salvage_start_date') }}
        || ', after ' || failed_ingredient || ' began on '
        || {{ as_text('failed_era_start_date') }} || '.'
        || case
            when n_episodes > 1
                then
                    ' Of ' || {{ as_text('n_episodes') }}
                    || ' episodes this one is traced.'
            else ''
        end as explanation
    from episodes
),

first_drug_failed as (
    select
        protocol_id,
        patient_id,
        'first_drug_failed' as rule,
        case
            when meets_failure_rule and not require_failure then 'not_asked'
            when meets_failure_rule then 'met'
            else 'not_met'
        end as outcome,
        arm_id,
        failed_era_start_date,
        failed_era_end_date,
        salvage_start_date,
        gap_days,
        'failed_era' as evidence,
        case
            when meets_failure_rule and not require_failure
                then 'the protocol does not ask that the first drug failed.'
            when meets_failure_rule
                then
                    'the last ' || failed_ingredient || ' exposure (to '
                    || {{ as_text('failed_era_end_date') }}
                    || ') was stopped for failure.'
            {%- if is_omop() %}
            when not require_failure or is_first_drug_failed
                then
                    'no corticosteroid is recorded in the days before '
                    || failed_ingredient || ' began on '
                    || {{ as_text('failed_era_start_date') }} || '.'
            {%- endif %}
            when failed_era_stop_reason is null
                then
                    'no stop reason is recorded for the last ' || failed_ingredient
                    || ' exposure (to ' || {{ as_text('failed_era_end_date') }} || ').'
            else
                'the last ' || failed_ingredient || ' exposure (to '
                || {{ as_text('failed_era_end_date') }} || ') has the stop reason '
                || failed_era_stop_reason || ', not failure.'
        end
        || case
            when meets_failure_rule or n_episodes = 1 then ''
            else
                ' None of the ' || {{ as_text('n_episodes') }}
                || ' episodes meets the rule; this one is nearest to the window.'
        end as explanation
    from episodes
),

within_salvage_window as (
    select
        protocol_id,
        patient_id,
        'within_salvage_window' as rule,
        case when is_within_window then 'met' else 'not_met' end as outcome,
        arm_id,
        failed_era_start_date,
        failed_era_end_date,
        salvage_start_date,
        gap_days,
        'episode' as evidence,
        salvage_ingredient || ' began '
        || case
            when gap_days > 0
                then
                    {{ days_in_words('gap_days') }} || ' after the last '
                    || failed_ingredient || ' day; the window is '
                    || {{ days_in_words('window_days') }}
            when gap_days = 0
                then
                    'on the last ' || failed_ingredient || ' day; the window is '
                    || {{ days_in_words('window_days') }}
            else
                {{ days_in_words('-gap_days') }} || ' before the last '
                || failed_ingredient || ' day; an overlap of '
                || {{ days_in_words('max_overlap_days') }} || ' is allowed'
        end
        || '.'
        || case
            when is_within_window and n_episodes > 1
                then
                    ' Of ' || {{ as_text('n_episodes') }}
                    || ' episodes this is the first that meets every rule.'
            when not is_within_window and n_episodes_left > 1
                then
                    ' None of the ' || {{ as_text('n_episodes_left') }}
                    || ' episodes that are left meets the rule; this one is nearest.'
            else ''
        end as explanation
    from episodes
    where meets_failure_rule
),

final as (
    select * from received_alternate_drug
    union all
    select * from first_drug_failed
    union all
    select * from within_salvage_window
)

select * from final

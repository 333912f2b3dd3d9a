{{ config(tags=['development']) }}
{#- Much of what is no date here is one to a lenient reader (SPEC 1). -#}

with cases (case_name, cell, expected) as (
    values
    ('a_day', '2008-03-04', date '2008-03-04'),
    ('leap_day', '2008-02-29', date '2008-02-29'),
    ('leap_day_of_2000', '2000-02-29', date '2000-02-29'),
    ('earliest', '1850-01-01', date '1850-01-01'),
    ('latest', '9999-12-31', date '9999-12-31'),
    ('day_before_earliest', '1849-12-31', cast(null as date)),
    ('leap_day_of_2007', '2007-02-29', cast(null as date)),
    ('leap_day_of_1900', '1900-02-29', cast(null as date)),
    ('no_30_february', '2008-02-30', cast(null as date)),
    ('no_31_april', '2008-04-31', cast(null as date)),
    ('no_month_13', '2008-13-01', cast(null as date)),
    ('no_month_0', '2008-00-01', cast(null as date)),
    ('no_day_0', '2008-01-00', cast(null as date)),
    ('year_0', '0000-01-01', cast(null as date)),
    ('slashes', '03/04/2008', cast(null as date)),
    ('dots', '04.03.2008', cast(null as date)),
    ('month_only', '2008-01', cast(null as date)),
    ('year_only', '2008', cast(null as date)),
    ('no_hyphens', '20080131', cast(null as date)),
    ('one_digit', '2008-1-31', cast(null as date)),
    ('two_digit_year', '08-01-31', cast(null as date)),
    ('five_digit_year', '12008-01-31', cast(null as date)),
    ('negative_year', '-2008-01-31', cast(null as date)),
    ('time_stamp', '2008-01-31 00:00:00', cast(null as date)),
    ('iso_time_stamp', '2008-01-31T00:00:00', cast(null as date)),
    ('time_zone', '2008-01-31Z', cast(null as date)),
    ('ordinal_date', '2008-031', cast(null as date)),
    ('week_date', '2008-W05-4', cast(null as date)),
    ('infinity', 'infinity', cast(null as date)),
    ('epoch', 'epoch', cast(null as date)),
    ('today', 'today', cast(null as date)),
    ('before_christ', '2008-01-31 (BC)', cast(null as date)),
    ('full_width_digits', '２００８-01-31', cast(null as date)),
    ('no_date_at_all', 'unknown', cast(null as date)),
    ('no_cell', cast(null as varchar), cast(null as date))
),

computed as (
    select
        case_name,
        expected,
        {{ parsed_cell('cell', 'date') }} as actual
    from cases
)

select *
from computed
where actual is distinct from expected

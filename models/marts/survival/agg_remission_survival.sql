{{ survival_curves_of('remission') }}

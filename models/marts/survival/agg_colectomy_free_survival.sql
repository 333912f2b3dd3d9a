{{ survival_curves_of('colectomy_free') }}

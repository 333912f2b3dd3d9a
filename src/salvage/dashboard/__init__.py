"""What people look at: pages made from the published marts alone."""

"""Operations: plans drawn from what is seen, and the one executor that runs them. Importing it loads nothing."""

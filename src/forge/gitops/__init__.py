"""The GitOps tree: its pins, and what must hold in every manifest of it."""

//! The mathematics of contractive autoencoders on the CPU: exact Jacobian penalties, their gradients, and the engine that trains with them.

"""What people read, in their own language: sentences, numbers, days."""

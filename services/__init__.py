"""The five services; they import shared and never one another."""

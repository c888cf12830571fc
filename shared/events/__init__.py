"""The published contract between Orderstream's services and everyone who reads its log."""

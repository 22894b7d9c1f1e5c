"""JSON APIs of aggregators, by configuration alone, as the contract of ``carriers.base`` wants them."""

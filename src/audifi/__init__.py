"""AudiFi's platform: one typed topology that runs on one machine, renders for production and proves its promises."""

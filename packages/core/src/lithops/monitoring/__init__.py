"""The brokers that come with the core: statuses by way of Redis or RabbitMQ, each by its extra."""

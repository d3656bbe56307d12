.PHONY: help run test fmt lint fuzz bench

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start the demo
	go run ./cmd/grove serve --demo

test: ## install what the tests need and run all of them
	scripts/test

fmt: ## format the code
	go tool -modfile=tools/go.mod golangci-lint fmt ./...

lint: ## look for mistakes
	go tool -modfile=tools/go.mod golangci-lint run ./...

fuzz: ## fuzz every parser, five minutes each
	scripts/fuzz 5m

bench: ## measure with a thousand simulated printers
	go run ./cmd/grove bench

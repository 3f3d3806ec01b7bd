"""The command line, as `python -m tfvae COMMAND`."""

from tfvae.commands import main

if __name__ == "__main__":
    main()

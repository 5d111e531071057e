"""What an upscaler is worth on benchmark images whose truth is known."""

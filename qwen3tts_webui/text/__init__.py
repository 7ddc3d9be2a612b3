"""Text: from what a person pasted to what a voice can speak. Knows neither torch nor the web."""

"""What people look at: pages in a browser, and posters. Templates, styles and pictures are beside the code."""

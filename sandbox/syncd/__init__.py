"""App state ("syncd"): encrypted collections of settings that a phone shares with its companions.

Pure code: keys, mutations, the LT hash and patches. Source: whatsmeow appstate/.
"""

def shared():
    return "shared"
